"""Settings: what there is (``schema``) and where a value came from (``load``)."""
