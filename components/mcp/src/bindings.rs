//! Generated from the WIT contracts, and used by [`convert`](crate::convert) and the ports only.

wit_bindgen::generate!({
    inline: "
        package postern:mcp;
        world mcp {
            import postern:tools/tools@0.1.0;
            import postern:resources/resources@0.1.0;
            import postern:prompts/prompts@0.1.0;
            import postern:introspection/introspection@0.1.0;
        }
    ",
    world: "postern:mcp/mcp",
    path: ["../../wit/tools", "../../wit/resources", "../../wit/prompts", "../../wit/introspection"],
    generate_all,
});
