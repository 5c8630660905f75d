# Which hosts are asked directly: those that were, those that must be, and never a listed registry
# of our own accord.

# In-cluster names, for what inherits the variables (plugins of a runtime, swarm).
EVERYWHERE='localhost 127.0.0.1 ::1 .svc .cluster.local'

# Nodes, pods and services of a cluster. Go compares an address with them only where a URL has one
# for its host, so that registries with a name are asked through the proxy all the same.
OF_CLUSTERS='10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 fc00::/7'

# no_proxy_of WORDS…: the list, of what there was, what is needed, and what else was asked for
no_proxy_of() {
    {
        printf '%s,%s\n' "$1" "$MORE_NO_PROXY" | tr ' ' , | tr , '\n'
        shift
        for entry in "$@"; do
            if ! hides_a_registry "$entry"; then printf '%s\n' "$entry"; fi
        done
    } | awk '$0 !~ "^[][A-Za-z0-9._:*/-]+$" || seen[$0]++ { next }
        { list = list (list == "" ? "" : ",") $0 } END { print list }'
}

hides_a_registry() {
    for registry in $REGISTRIES; do
        if hides "$1" "$(host_of "$registry")"; then return 0; fi
    done
    return 1
}

host_of() {
    case $1 in
    docker.io) say registry-1.docker.io ;; # where the API of that name answers
    \[*) printf '%s\n' "$1" | sed 's/^\[\(.*\)\].*/\1/' ;;
    *) printf '%s\n' "${1%:*}" ;;
    esac
}

# hides ENTRY HOST: as Go reads NO_PROXY, https://pkg.go.dev/golang.org/x/net/http/httpproxy
hides() {
    case $1 in '*'?*) set -- "${1#?}" "$2" ;; esac
    case $1 in
    '*' | "$2" | "$2":*) return 0 ;;
    10.0.0.0/8) case $2 in *[!0-9.]*) ;; 10.*) return 0 ;; esac ;;
    192.168.0.0/16) case $2 in *[!0-9.]*) ;; 192.168.*) return 0 ;; esac ;;
    172.16.0.0/12)
        case $2 in *[!0-9.]*) ;; 172.1[6-9].* | 172.2[0-9].* | 172.3[01].*) return 0 ;; esac
        ;;
    fc00::/7) case $2 in f[cd]*:*) return 0 ;; esac ;;
    */*) ;;
    *) case $2 in *".${1#.}") return 0 ;; esac ;;
    esac
    return 1
}

# What the list of an operator takes away from MetaHub is theirs to say, but may not be meant.
warn_of_hidden() {
    for registry in $REGISTRIES; do
        printf '%s\n' "$1" | tr , '\n' | while IFS= read -r entry; do
            if hides "$entry" "$(host_of "$registry")"; then
                warn "$registry is asked past MetaHub, because NO_PROXY has $entry"
            fi
        done
    done
}

# Where the kubelet and the network plugins of this node reach the API of their cluster.
api_servers() {
    for file in /etc/kubernetes/*kubelet.conf /etc/cni/net.d/*kubeconfig; do
        if [ -r "$file" ]; then
            sed -n 's#^[[:space:]]*server:[[:space:]]*"\{0,1\}https\{0,1\}://\([^/"[:space:]]*\).*#\1#p' "$file"
        fi
    done | while IFS= read -r server; do host_of "$server"; done
}
