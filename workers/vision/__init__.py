"""Pure recognisers: arrays in, frozen dataclasses out. No framework, no cloud, no paths, no state."""
