"""What each cloud's configuration of a bucket means for W&B: what is there, what is wanted, what is wrong, in the cloud's own words."""
