"""What the OpenAPI file says beside what routes declare themselves; imported when somebody asks for the file."""
