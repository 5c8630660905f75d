# The nodes of clusters that kind made: containers, in each of which containerd is set up as on a
# machine. Nothing else of this machine changes. Nodes that are made later want it again.

LABEL=io.x-k8s.kind.cluster

main() {
    HIDDEN='' LINE_BREAK='
'
    hide_given_password
    read_options "$@"
    need awk base64 cut id mktemp od sed sha256sum tr
    refuse_loopback
    find_nodes
    trap clean_up EXIT
    trap 'exit 130' INT
    trap 'exit 131' QUIT
    trap 'exit 143' HUP TERM
    WORK=$(mktemp -d)
    split_certificates
    check_fingerprints
    if [ -z "$UNDO" ]; then read_credentials; fi
    for node in $NODES; do
        say "$node:"
        set_up_node "$node" || fail "stopped at $node: those after it are as they were"
    done
}

clean_up() {
    show_typing
    rm -rf "$WORK"
}

refuse_loopback() {
    case ${PROXY#*://} in
    localhost:* | 127.* | '[::1]'*)
        fail "$PROXY is the node itself in a node of kind, nothing was changed: ask for this script" \
            "with another name of MetaHub, such as the address of this machine"
        ;;
    esac
}

find_nodes() {
    for ENGINE in docker podman nerdctl; do
        if has "$ENGINE"; then
            NODES=$("$ENGINE" ps --filter "label=$LABEL${CLUSTER:+=$CLUSTER}" --format '{{.Names}}') ||
                NODES=''
            if [ -n "$NODES" ]; then return 0; fi
        fi
    done
    fail "there is no node of kind${CLUSTER:+ of a cluster $CLUSTER}, nothing was changed: they are" \
        "containers that run and have the label $LABEL"
}

# Over stdin, where nobody sees the password.
set_up_node() {
    if [ -z "$UNDO" ] && [ -n "$USER_NAME" ]; then set -- "$1" --user "$USER_NAME"; fi
    if [ -n "$MORE_NO_PROXY" ]; then set -- "$@" --no-proxy "$MORE_NO_PROXY"; fi
    if [ -n "$DRY_RUN" ]; then set -- "$@" --dry-run; fi
    if [ -n "$UNDO" ]; then set -- "$@" --undo; fi
    if [ -z "$RESTART" ]; then set -- "$@" --no-restart; fi
    node=$1
    shift
    {
        if [ -n "${PASSWORD-}" ]; then
            printf "METAHUB_PASSWORD='%s'\n" "$(printf %s "$PASSWORD" | sed "s/'/'\\\\''/g")"
        fi
        inside
    } | "$ENGINE" exec -i "$node" sh -s -- "$@"
}
