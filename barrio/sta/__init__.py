"""OGC SensorThings API 1.1 (18-088), for reading: what is configured and read, as other cities' programs ask for it.

`routes` is imported with the application; everything else when the first request comes.
"""
