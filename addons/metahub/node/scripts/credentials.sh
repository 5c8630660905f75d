# How this node shows itself to MetaHub: the proxy's URL with the user and the password in it.
# No command is ever given the password as a word, because anybody may read those (ps).

# Before anything is started that would inherit it.
hide_given_password() {
    GIVEN=''
    if [ -n "${METAHUB_PASSWORD+set}" ]; then GIVEN=yes PASSWORD=$METAHUB_PASSWORD; fi
    unset METAHUB_PASSWORD
}

read_credentials() {
    URL=$PROXY
    if [ -z "$USER_NAME" ]; then
        [ -z "$PASSWORD_FILE$GIVEN" ] || misuse "a password wants its --user NAME"
        return 0
    fi
    case $USER_NAME in *:*) misuse "a user's name has no colon in it" ;; esac
    user=$(encoded "$USER_NAME") || misuse "a user's name is one line of text"
    read_password
    password=$(encoded "$PASSWORD") ||
        fail "the password has a line break or another control character in it, nothing was changed"
    [ -n "$password" ] || fail "the password is empty, nothing was changed"
    URL="${PROXY%%://*}://$user:$password@${PROXY#*://}"
}

read_password() {
    if [ -n "$PASSWORD_FILE" ]; then
        [ -r "$PASSWORD_FILE" ] ||
            fail "the password cannot be read from $PASSWORD_FILE, nothing was changed"
        # The dot keeps the line breaks at the end: one belongs to the file, more do not.
        PASSWORD=$(cat "$PASSWORD_FILE" && echo .)
        PASSWORD=${PASSWORD%.}
        PASSWORD=${PASSWORD%"$LINE_BREAK"}
    elif [ -z "$GIVEN" ]; then
        ask_password
    fi
}

ask_password() {
    (: </dev/tty) 2>/dev/null ||
        fail "no password for $USER_NAME, and no terminal to ask for it: use --password-file FILE"
    HIDDEN=yes
    stty -echo </dev/tty
    printf 'The password of %s at MetaHub: ' "$USER_NAME" >/dev/tty
    IFS= read -r PASSWORD </dev/tty || PASSWORD=''
    show_typing
}

show_typing() {
    [ -n "$HIDDEN" ] || return 0
    stty echo </dev/tty
    echo >/dev/tty
    HIDDEN=''
}

# As in a URL (RFC 3986 2.1), byte by byte, of whatever encoding; false for control characters.
encoded() {
    for octal in $(printf %s "$1" | od -An -v -to1); do
        case $octal in
        055 | 056 | 137 | 176 | 06[0-7] | 07[01]) printf %b "\\0$octal" ;; # - . _ ~ and digits
        10[1-7] | 1[12][0-7] | 13[0-2] | 14[1-7] | 1[56][0-7] | 17[0-2]) printf %b "\\0$octal" ;;
        0[0-3]? | 177) return 1 ;;
        *) printf %%%02X "0$octal" ;;
        esac
    done
}
