"""Archives: many recordings to maps, by one process, several, or a Ray cluster; resumable."""
