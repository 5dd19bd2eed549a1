"""The flows: one use case a file. They open transactions; everything below takes one."""
