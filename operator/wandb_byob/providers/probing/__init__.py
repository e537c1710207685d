"""The data path of a bucket, tried in the same way at every store; what differs between stores is behind a `Door`."""
