"""The commands `bench train ...`, one module each; what they do is in the other rooms."""
