# The certificates in this script, and whether they are those that somebody expects.

# Each has a file of its own: update-ca-certificates takes only the first of a file.
split_certificates() {
    mkdir "$WORK/certificates"
    printf '%s\n' "$CERTIFICATES" | awk -v folder="$WORK/certificates" '
        /-----BEGIN/ { count++; file = folder "/metahub" (count > 1 ? "-" count : "") ".crt" }
        count { print >file }'
}

check_fingerprints() {
    [ -n "$FINGERPRINTS" ] || return 0
    allowed=$(printf '%s\n' "$FINGERPRINTS" | plain_fingerprints)
    for certificate in "$WORK"/certificates/*.crt; do
        found=$(fingerprint "$certificate" | plain_fingerprints)
        [ -n "$found" ] || fail "this machine can compute no SHA-256: install openssl or coreutils"
        case " $(echo "$allowed" | tr '\n' ' ') " in
        *" $found "*) ;;
        *) fail "the CA in this script has the fingerprint $(echo "$found" | sed 's/../&:/g; s/:$//')," \
            "which --fingerprint does not name; nothing was changed" ;;
        esac
    done
}

plain_fingerprints() { tr -d : | tr abcdef ABCDEF | tr ', ' '\n' | sed '/^$/d'; }

fingerprint() {
    if command -v base64 >/dev/null 2>&1 && command -v sha256sum >/dev/null 2>&1; then
        sed '/-----/d' "$1" | base64 -d | sha256sum | cut -d ' ' -f 1
    elif command -v openssl >/dev/null 2>&1; then
        openssl x509 -in "$1" -noout -fingerprint -sha256 | sed 's/.*=//'
    fi
}

has() { command -v "$1" >/dev/null 2>&1; }
