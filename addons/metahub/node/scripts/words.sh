# What a person reads, and what they may ask for.

say() { printf '%s\n' "$*"; }
warn() { printf 'metahub: %s\n' "$*" >&2; }

fail() {
    warn "$*"
    exit 1
}

misuse() {
    warn "$* (--help lists the options)"
    exit 2
}

show_help() {
    cat <<EOF
Points $TITLE of this machine at MetaHub, $PROXY, and lets it trust MetaHub's CA.

  --user NAME           what MetaHub knows this node by; without, it goes by the node's address.
                        The password is read from METAHUB_PASSWORD, from --password-file, or asked.
  --password-file FILE  a file with the password in its only line
  --no-proxy LIST       more hosts that are asked directly, separated by commas
  --fingerprint AB:CD:… the SHA-256 of a CA that may be trusted; refuses a script with any other one
  --dry-run             show what would change, and change nothing
  --undo                put everything back as it was before the first run
  --no-restart          leave running services alone, and say what is to be done
  --help                this text
EOF
    if [ "$RUNTIME" = kind ]; then
        say "  --cluster NAME        only the nodes of this cluster"
    fi
}

read_options() {
    USER_NAME='' PASSWORD_FILE='' FINGERPRINTS='' MORE_NO_PROXY='' CLUSTER=''
    DRY_RUN='' UNDO='' RESTART=yes
    while [ $# -gt 0 ]; do
        case $1 in
        --password | --password=*)
            misuse "a password on the command line is seen by everybody: use --password-file FILE" ;;
        --dry-run) DRY_RUN=yes ;;
        --undo) UNDO=yes ;;
        --no-restart) RESTART='' ;;
        --help)
            show_help
            exit 0
            ;;
        --*=*) read_value "${1%%=*}" "${1#*=}" ;;
        *)
            [ $# -ge 2 ] || misuse "unknown option, or one that wants a value: $1"
            read_value "$1" "$2"
            shift
            ;;
        esac
        shift
    done
}

read_value() {
    [ -n "$2" ] || misuse "$1 wants a value"
    case $1 in
    --user) USER_NAME=$2 ;;
    --password-file) PASSWORD_FILE=$2 ;;
    --fingerprint) FINGERPRINTS="$FINGERPRINTS $2" ;;
    --no-proxy) MORE_NO_PROXY="$MORE_NO_PROXY $2" ;;
    --cluster) CLUSTER=$2 ;;
    *) misuse "unknown option: $1" ;;
    esac
}

# Every tool is asked for before anything changes.
need() {
    for tool in "$@"; do
        command -v "$tool" >/dev/null 2>&1 || fail "this machine has no $tool: install it first"
    done
}

need_root() {
    [ "$(id -u)" -eq 0 ] || fail "only root may do this, nothing was changed: run it with sudo"
}
