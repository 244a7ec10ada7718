"""Checks the Kubernetes manifests of this folder, without a cluster."""
