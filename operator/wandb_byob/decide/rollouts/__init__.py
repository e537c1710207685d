"""What is done to W&B's configuration, and when W&B is restarted: one look's plan out of the situation."""
