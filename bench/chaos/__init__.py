"""The fault harness: load on three channels while processes, database, network, clock, providers and models fail."""
