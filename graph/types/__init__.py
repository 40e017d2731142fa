"""The nouns of the API: what can be asked for, in the names of the SDK where it has them."""
