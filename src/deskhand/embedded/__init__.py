"""PostgreSQL from a wheel: started when Deskhand starts, stopped when it stops, kept in the data folder."""

from deskhand.embedded.options import EmbeddedSettings
from deskhand.embedded.ownership import Role
from deskhand.embedded.server import EmbeddedPostgres, throwaway_server

__all__ = ["EmbeddedPostgres", "EmbeddedSettings", "Role", "throwaway_server"]
