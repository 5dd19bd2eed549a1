"""The public HTTP side: the API, and the pages that customers see."""
