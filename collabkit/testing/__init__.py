"""For the tests of programs that use collabkit, and for its own."""
