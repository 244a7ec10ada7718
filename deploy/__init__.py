"""Runs the mesh on one machine, and makes what other places need to run it: dashboards, manifests, locks, SBOMs."""
