module byob.wandb.com/testbed/addressparse

go 1.26.0
