"""Loading this module loads the engines: what is forked afterwards shares them (see ``workers.sandbox.zygote``)."""

from __future__ import annotations

from workers.vision.text import engines
from workers.vision.text.networks import configured_networks

engines.warm_up()
configured_networks()
