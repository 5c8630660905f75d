# containerd: the daemon pulls for Kubernetes, and takes the proxy from its environment. The CA comes
# from the system: the `ca` of a hosts.toml is added to it. `ctr` pulls itself.

SERVICES=containerd
ELSEWHERE='rke2-server rke2-agent k3s k3s-agent snap.microk8s.daemon-containerd'

plan_runtime() {
    # shellcheck disable=SC2046,SC2086  # words
    plan_service '' $EVERYWHERE $OF_CLUSTERS $(api_servers)
}

finish_runtime() {
    say "ctr pulls itself, and wants the same: set -a; . /etc/metahub/containerd.env; set +a"
}
