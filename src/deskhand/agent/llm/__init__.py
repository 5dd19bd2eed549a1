"""What keeps a language model in its place: prompt, fences, budget and breaker. Nothing in here imports an SDK."""
