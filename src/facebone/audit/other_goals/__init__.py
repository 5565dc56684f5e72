"""What attacks of further goals share in an audit: people, victims, plan and results."""
