# MetaHub's CA in the store of the whole system, and what that store makes of it.
# A user who is not root has a folder of their own, which Go's programs read where SSL_CERT_DIR has it.

# Known by what is there: a folder for certificates, and the program that reads it.
find_store() {
    ANCHORS='' UPDATE=''
    if [ -n "$OWN_ANCHORS" ]; then
        ANCHORS=$OWN_ANCHORS
    elif has update-ca-trust && [ -d /etc/pki/ca-trust/source/anchors ]; then
        ANCHORS=/etc/pki/ca-trust/source/anchors UPDATE=update-ca-trust # Red Hat
    elif has update-ca-trust && [ -d /etc/ca-certificates/trust-source/anchors ]; then
        ANCHORS=/etc/ca-certificates/trust-source/anchors UPDATE=update-ca-trust # Arch
    elif has update-ca-certificates && [ -d /etc/pki/trust/anchors ]; then
        ANCHORS=/etc/pki/trust/anchors UPDATE=update-ca-certificates # SUSE
    elif has update-ca-certificates; then
        ANCHORS=/usr/local/share/ca-certificates UPDATE=update-ca-certificates # Debian, Alpine
    else
        return 1
    fi
}

# What the store is made into; where nobody else changed it, it can be put back to the byte.
bundles() {
    for bundle in /etc/ssl/certs/*.pem /etc/ssl/certs/*.crt /etc/ssl/certs/java/cacerts \
        /etc/pki/ca-trust/extracted/*/* /var/lib/ca-certificates/*; do
        if [ -f "$bundle" ] && [ ! -L "$bundle" ]; then printf '%s\n' "$bundle"; fi
    done
}

plan_trust() {
    find_store ||
        fail "this system has neither update-ca-certificates nor update-ca-trust, nothing was" \
            "changed: install the package ca-certificates first"
    for certificate in "$WORK"/certificates/*.crt; do
        want trust 644 "$ANCHORS/${certificate##*/}" <"$certificate"
    done
    # Of a rotation that is over.
    for stale in "$ANCHORS"/metahub-[0-9].crt; do
        if [ -e "$stale" ] && [ ! -e "$WORK/certificates/${stale##*/}" ]; then
            want_gone trust "$stale"
        fi
    done
}

trust_is_due() { any_change trust || [ -f "$STATE/trust/update-is-due" ]; }

change_trust() {
    if trust_is_due; then
        make_state
        mkdir -p "$STATE/trust"
        claim_trust
        remember_bundles
        : >"$STATE/trust/update-is-due"
        for_each_change trust make_change
        if [ -n "$UPDATE" ]; then update_store; fi
        for_each_bundle note_bundle
        rm "$STATE/trust/update-is-due"
    fi
    claim_trust
}

# That this runtime needs what another brought.
claim_trust() {
    if [ -d "$STATE/trust" ] && [ ! -e "$STATE/trust/for-$RUNTIME" ]; then
        : >"$STATE/trust/for-$RUNTIME"
    fi
}

update_store() {
    remove_links
    # Only Debian's knows it; without, it leaves the links of what is gone.
    set -- "$UPDATE"
    if grep -q -e --fresh "$(command -v "$UPDATE")"; then set -- "$UPDATE" --fresh; fi
    "$@" >"$WORK/update.log" 2>&1 || {
        cat "$WORK/update.log" >&2
        fail "$UPDATE failed"
    }
    say "ran $UPDATE"
}

# Links to certificates that are no longer there.
remove_links() {
    for link in /etc/ssl/certs/*metahub*.pem; do
        if [ -L "$link" ] && [ ! -e "$link" ]; then rm "$link"; fi
    done
}

remember_bundles() {
    [ -n "$UPDATE" ] && [ ! -d "$STATE/trust/bundles" ] || return 0
    rm -rf "$STATE/trust/bundles.new"
    mkdir "$STATE/trust/bundles.new"
    number=0
    bundles >"$WORK/bundles"
    while IFS= read -r bundle; do
        number=$((number + 1))
        mkdir "$STATE/trust/bundles.new/$number"
        printf '%s\n' "$bundle" >"$STATE/trust/bundles.new/$number/path"
        cp -p "$bundle" "$STATE/trust/bundles.new/$number/before"
    done <"$WORK/bundles"
    mv "$STATE/trust/bundles.new" "$STATE/trust/bundles"
}

for_each_bundle() {
    for told in "$STATE"/trust/bundles/*; do
        if [ -d "$told" ]; then
            PATH_=$(cat "$told/path")
            "$1"
        fi
    done
}

note_bundle() {
    if [ ! -f "$PATH_" ]; then return 0; fi
    [ -f "$told/ours" ] || warn_of_lost
    sha256sum <"$PATH_" >"$told/ours"
}

# Certificates that somebody added to what is made, and not to what it is made of.
warn_of_lost() {
    lost=$(awk '
        FNR == 1 { files++ }
        /-----BEGIN/ { body = ""; next }
        /-----END/ { if (files == 1) there[body]; else delete there[body]; next }
        { body = body $0 }
        END { for (body in there) count++; print count + 0 }' "$told/before" "$PATH_")
    [ "$lost" -eq 0 ] || warn "$lost certificate(s) that somebody had added to $PATH_ itself are" \
        "gone, as after any update: put them into $ANCHORS, or back with --undo"
}

# Before the store is made anew: whether it is as we found or left it.
judge_bundle() {
    if [ ! -f "$PATH_" ]; then return 0; fi
    if cmp -s "$told/before" "$PATH_" || { [ -f "$told/ours" ] && is_ours; }; then
        : >"$told/untouched"
    fi
}

restore_bundle() {
    if [ ! -f "$told/untouched" ]; then return 0; fi
    if [ -L "$PATH_" ] || ! cmp -s "$told/before" "$PATH_"; then restore "$told/before" "$PATH_"; fi
}

show_undoing_of_trust() {
    if [ -d "$STATE/trust" ] && ! is_needed_by_others; then
        for_each_told trust show_undoing
        if find_store && [ -n "$UPDATE" ]; then say "would run $UPDATE"; fi
    fi
}

# Other runtimes of this machine may need the CA still.
is_needed_by_others() {
    for needed in "$STATE"/trust/for-*; do
        NEEDED=${needed##*/for-}
        if [ -e "$needed" ] && [ "$NEEDED" != "$RUNTIME" ]; then return 0; fi
    done
    return 1
}

undo_trust() {
    [ -d "$STATE/trust" ] || return 0
    if is_needed_by_others; then
        rm -f "$STATE/trust/for-$RUNTIME"
        say "left the CA where it is, for $NEEDED"
        return 0
    fi
    find_store || UPDATE=''
    for_each_bundle judge_bundle
    for_each_told trust undo_change
    if [ -n "$UPDATE" ]; then update_store; fi
    for_each_bundle restore_bundle
    forget_area trust
}
