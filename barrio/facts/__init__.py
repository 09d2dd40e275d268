"""What barrio tells its InfluxDB beside readings, see `twin.facts`. Not imported where the store is another one."""
