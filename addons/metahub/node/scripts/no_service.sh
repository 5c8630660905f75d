# For what is started anew each time that it is used.

restart_is_due() { false; }
restart_after_undo() { :; }
