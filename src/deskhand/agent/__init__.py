"""The agent: triage, policy, tools, brains and the gate. It knows the domains and is driven by flows."""
