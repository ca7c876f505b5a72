"""What is measured side by side: each contender embeds the same rows, in a process of its own."""
