"""Entity-relationship diagrams of a schema: as text for Mermaid, and drawn as SVG."""
