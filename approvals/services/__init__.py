"""What this app can be asked to do. Each service is one transaction; the Stream row is locked before ours."""
