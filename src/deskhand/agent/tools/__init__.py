"""The six tools that both brains use, and the runtime that keeps them in order."""

from deskhand.agent.context import Commit, Committed, Ending, Handoff, ToolContext, ToolError, TurnState
from deskhand.agent.tools.runtime import MOST_CALLS, TOOLS, Tool, ToolRuntime

__all__ = [
    "MOST_CALLS",
    "TOOLS",
    "Commit",
    "Committed",
    "Ending",
    "Handoff",
    "Tool",
    "ToolContext",
    "ToolError",
    "ToolRuntime",
    "TurnState",
]
