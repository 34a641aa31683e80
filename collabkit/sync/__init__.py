"""Wire dialects, connections and rooms, and the local-first client."""
