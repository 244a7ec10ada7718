"""What is in the images and environments, whether it is known to be vulnerable, and how a release is signed.

`make sbom`, `make audit`, and deploy/supply_chain/release.sh.
"""
