"""What the log calls that which happens to a job; its end is an `up`, as for any migration."""

START, PAUSE, RESUME, CANCEL = "start", "pause", "resume", "cancel"
