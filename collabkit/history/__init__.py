"""Every past of a document: what it was, what became of it, who did that, and the way back."""
