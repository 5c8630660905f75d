# CRI-O: the daemon pulls, and takes the proxy from its environment. The CA comes from the system:
# what stands in /etc/containers/certs.d is added to it.

SERVICES='crio cri-o'

plan_runtime() {
    # shellcheck disable=SC2046,SC2086  # words
    plan_service '' $EVERYWHERE $OF_CLUSTERS $(api_servers)
}

finish_runtime() { :; }
