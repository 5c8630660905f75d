# k3s: it starts the containerd that pulls, with what its own environment has after CONTAINERD_
# (k3s 1.22 and later), so that k3s itself goes by no proxy. The file that is read last wins over
# /etc/default/k3s, /etc/sysconfig/k3s and k3s.service.env.

SERVICES='k3s k3s-agent'

plan_runtime() {
    # shellcheck disable=SC2046,SC2086  # words
    plan_service CONTAINERD_ $EVERYWHERE $OF_CLUSTERS $(api_servers)
}

finish_runtime() { :; }
