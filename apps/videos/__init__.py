"""Videos of pages: handed in, and the pages that were found in them."""
