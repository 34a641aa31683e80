"""Who may do what: identities, and the tokens that prove them."""
