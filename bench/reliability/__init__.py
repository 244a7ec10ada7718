"""`make chaos`: what learners lose when parts of the mesh break. `make soak`: whether anything grows for hours."""
