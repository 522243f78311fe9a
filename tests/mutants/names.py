"""What the processes of a run call things. Apart from the plugin, which pytest has to be the first to import."""

from typing import Final

VARIABLE: Final = "ISOLATION_MUTANT"
NO_FILTER: Final = "behind: no query filter"
NO_FILTER_NO_POLICY: Final = "behind: no query filter and no policy"
