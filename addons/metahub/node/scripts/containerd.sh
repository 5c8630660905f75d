# containerd: the daemon pulls for Kubernetes, and takes the proxy from its environment. The CA comes
# from the system: the `ca` of a hosts.toml is added to it. `ctr` pulls itself.

SERVICES=containerd

plan_runtime() {
    # shellcheck disable=SC2046,SC2086  # words
    plan_service '' $EVERYWHERE $OF_CLUSTERS $(api_servers)
}

finish_runtime() {
    say "ctr pulls itself, and wants the same: set -a; . /etc/metahub/containerd.env; set +a"
}
