"""`make load`: how much CPU and memory the mesh needs for many learners, and how much latency it adds."""
