"""What a node needs: the CA, its set-up, and finding out its machine type."""
