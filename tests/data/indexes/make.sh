#!/bin/sh
# Makes the indexes beside it with buildah 1.28; README.md says what is in them and what is not.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
buildah="buildah --root $PWD/root --runroot $PWD/run --storage-driver vfs"

# build NAME FORMAT OS ARCHITECTURE VARIANT: an image of one file, which holds its name
build() {
    container=$($buildah from --os "$3" --arch "$4" --variant "$5" scratch)
    echo "$1" > file && touch -d @0 file
    $buildah copy -q "$container" file /file
    $buildah commit -q --rm --timestamp 0 --format "$2" "$container" "$1"
}

# add LIST IMAGE [OPTION...]: put an image into an index, and annotate its entry
add() {
    list=$1 image=$2
    shift 2
    digest=$($buildah manifest add "$list" "$image" | cut -d ' ' -f 2)
    if [ $# -gt 0 ]; then $buildah manifest annotate "$@" "$list" "$digest"; fi
}

# attest LIST IMAGE N: an entry as BuildKit adds one for each image, here for the Nth
attest() {
    build "$2" oci linux unknown ""
    of=$($buildah manifest inspect "$1" | sed -n 's/.*"digest": "\(.*\)".*/\1/p' | sed -n "$3p")
    add "$1" "$2" --os unknown --arch unknown \
        --annotation "vnd.docker.reference.digest=$of" \
        --annotation vnd.docker.reference.type=attestation-manifest
}

# write LIST FORMAT: the index as buildah pushes it
write() {
    $buildah manifest push -q --all --format "$2" "$1" "dir:$PWD/$1"
    cp "$1/manifest.json" "$here/$1.json"
}

# platform FORMAT LIST OS ARCHITECTURE [VARIANT [OPTION...]]: an image of its own for each entry
platform() {
    format=$1 list=$2 os=$3 architecture=$4 variant=${5:-}
    shift 4
    if [ $# -gt 0 ]; then shift; fi
    count=$((${count:-0} + 1))
    build "$list-$count" "$format" "$os" "$architecture" "$variant"
    if [ "$variant" ]; then set -- --variant "$variant" "$@"; fi
    add "$list" "$list-$count" --os "$os" --arch "$architecture" "$@"
}

$buildah manifest create library-arm
platform docker library-arm linux amd64
platform docker library-arm linux arm v5
platform docker library-arm linux arm v6
platform docker library-arm linux arm v7
platform docker library-arm linux arm64 v8
platform docker library-arm linux 386
platform docker library-arm linux ppc64le
platform docker library-arm linux riscv64
platform docker library-arm linux s390x
write library-arm v2s2

$buildah manifest create amd64-levels
platform oci amd64-levels linux amd64
platform oci amd64-levels linux amd64 v2
platform oci amd64-levels linux amd64 v3
platform oci amd64-levels linux amd64 v4
platform oci amd64-levels linux arm64 v8
write amd64-levels oci

$buildah manifest create windows
platform docker windows linux amd64
platform docker windows linux arm64 v8
platform docker windows windows amd64 "" --os-version 10.0.17763.6775 --os-features win32k
platform docker windows windows amd64 "" --os-version 10.0.20348.3091 --os-features win32k
platform docker windows windows amd64 "" --os-version 10.0.26100.2894
write windows v2s2

$buildah manifest create attestations
platform oci attestations linux amd64 "" --annotation org.opencontainers.image.version=1.0
platform oci attestations linux amd64 v3 --annotation org.opencontainers.image.version=1.0
platform oci attestations linux arm64 "" --annotation org.opencontainers.image.version=1.0
attest attestations statements-1 1
attest attestations statements-2 2
attest attestations statements-3 3
write attestations oci

$buildah manifest create os-features
platform oci os-features linux amd64 "" --os-features gpu:nvidia
platform oci os-features linux amd64
platform oci os-features linux arm64 v8
write os-features oci

# What buildah does not write: an index in an index, an artifact, an entry without platform, and the
# indentation of `docker manifest`.
$buildah manifest create mixed
platform oci mixed linux amd64
platform oci mixed linux arm64 v8
write mixed oci
python3 - "$here/mixed.json" "$here/amd64-levels.json" << 'END'
import hashlib, json, sys

def descriptor(media_type, content, **more):
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    return {"mediaType": media_type, "digest": digest, "size": len(content), **more}

mixed, nested = sys.argv[1:]
manifest = "application/vnd.oci.image.manifest.v1+json"
index = json.load(open(mixed))
index["manifests"] += [
    descriptor(index["mediaType"], open(nested, "rb").read()),
    descriptor(manifest, b"a chart", artifactType="application/vnd.cncf.helm.config.v1+json"),
    descriptor(manifest, b"an image"),
]
open(mixed, "w").write(json.dumps(index, indent=3))
END
