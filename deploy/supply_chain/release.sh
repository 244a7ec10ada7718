#!/usr/bin/env bash
# Builds, publishes and signs the images of a release:
#
#   REGISTRY=registry.example.com/aitalk COSIGN_KEY=cosign.key deploy/supply_chain/release.sh 0.1.0
#
# third-party images by digest → base image by digest → build → push → SBOM of the packages (make sbom) and of the whole
# image (syft) → sign → attest
#
# Needs docker with buildx, and skopeo, syft and cosign. Without COSIGN_KEY, cosign signs with your identity (Fulcio).
# IMAGES: which ones; by default the four CPU images. OUT: the folder for digests and SBOMs. Prints the digest of each
# image, to be used in the manifests. OUT/install: the compose files and manifests with third-party images by digest.
set -euo pipefail
cd "$(dirname "$0")/../.."
version=${1:?give the version, such as 0.1.0}
registry=${REGISTRY:?set REGISTRY to where the images go, such as registry.example.com/aitalk}
for tool in docker skopeo syft cosign; do
  command -v "$tool" >/dev/null || { echo "release: $tool is not installed" >&2; exit 1; }
done
key=(${COSIGN_KEY:+--key "$COSIGN_KEY"})
out=${OUT:-build/release/$version}
mkdir -p "$out"

digest_of() {
  local digest
  digest=$(skopeo inspect --format '{{.Digest}}' "docker://$1")
  [[ $digest == sha256:* ]] || { echo "release: $1 has no digest: $digest" >&2; exit 1; }
  echo "$digest"
}

rm -rf "$out/install"
mkdir "$out/install"
cp -r docker-compose.yml deploy "$out/install"
yaml=(--include='*.yml' --include='*.yaml')
images=$(grep -rhoE '^[ -]*image: *[^ ]+' "${yaml[@]}" docker-compose.yml deploy | sed 's/.*image: *//' | sort -u)
for image in $images; do
  [[ $image != aitalk/* ]] || continue # ours; see below
  digest=$(digest_of "$image")
  grep -rlF "image: $image" "${yaml[@]}" "$out/install" | while read -r file; do
    sed -i "s|image: $image\$|&@$digest|" "$file"
  done
  echo "third-party image: $image@$digest"
done | tee "$out/third-party.txt"

tag=$(sed -n 's/^ARG BASE=//p' deploy/docker/Dockerfile)
digest=$(digest_of "$tag")
base=${tag%:*}@$digest
echo "base image: $tag is $digest"

make sbom >/dev/null
for image in ${IMAGES:-gateway asr llm tts}; do
  case $image in # the service of an image that is named for its lock
  *-*) service=${image%%-*} lock=$image ;;
  *) service=$image lock=$image ;;
  esac
  name=$registry/$image:$version
  docker buildx build --file deploy/docker/Dockerfile --build-arg "BASE=$base" --build-arg "SERVICE=$service" \
    --build-arg "LOCK=$lock" --provenance=mode=max --push --metadata-file "$out/$image.json" --tag "$name" .
  digest=$(sed -n 's/.*"containerimage.digest": *"\(sha256:[0-9a-f]*\)".*/\1/p' "$out/$image.json")
  [[ $digest == sha256:* ]] || { echo "release: $name was pushed without a digest" >&2; exit 1; }
  signed=$registry/$image@$digest # the digest: a tag can be moved to another image
  syft scan "registry:$signed" --output "cyclonedx-json=$out/$image.whole.cdx.json"
  cosign sign --yes "${key[@]}" "$signed"
  cosign attest --yes "${key[@]}" --type cyclonedx --predicate "build/sbom/image-$image.cdx.json" "$signed"
  cosign attest --yes "${key[@]}" --type cyclonedx --predicate "$out/$image.whole.cdx.json" "$signed"
  echo "$signed" | tee -a "$out/digests.txt"
done
