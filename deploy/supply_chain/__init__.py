"""What the images and environments contain, whether it is known to be vulnerable, and how a release is signed.

See `make sbom`, `make audit`, and deploy/supply_chain/release.sh.
"""
