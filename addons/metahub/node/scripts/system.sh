# The store of the whole system alone: every program that goes by it trusts MetaHub's CA.

prepare_runtime() { need_root; }
plan_runtime() { :; }
finish_runtime() { :; }
