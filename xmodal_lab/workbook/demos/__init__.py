"""Small things to play with: what a chapter lets a learner try out."""
